# The lies that lies_test.cpp tells, and the images that they are told about: the fuzzer's own. And what its corpus is
# made with, for corpus_test.cpp.
foreach(part IN ITEMS specimen pages index lies lies_door lies_heap lies_tree input corpus)
  target_sources(radish_tests PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/image_${part}.cpp)
endforeach()
