# The lies that lies_test.cpp tells, and the images that they are told about: the fuzzer's own.
foreach(part IN ITEMS specimen index lies lies_door lies_heap lies_tree)
  target_sources(radish_tests PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/image_${part}.cpp)
endforeach()
