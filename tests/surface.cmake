# The C interface and the command: what their tests need, and the examples of the README.
find_package(nlohmann_json REQUIRED)
add_dependencies(radish_tests radish_command)
target_link_libraries(radish_tests PRIVATE nlohmann_json::nlohmann_json)
target_compile_definitions(radish_tests PRIVATE RADISH_COMMAND="$<TARGET_FILE:radish_command>"
                                                RADISH_PROJECT_VERSION="${PROJECT_VERSION}")

# radish.h must be C11 without a word from a strict compiler, whatever the warnings elsewhere.
add_library(radish_c_header OBJECT ${CMAKE_CURRENT_LIST_DIR}/c_header_compiles.c)
target_link_libraries(radish_c_header PRIVATE radish)
target_compile_options(radish_c_header PRIVATE -Wall -Wextra -Wpedantic -Werror)
set_target_properties(radish_c_header PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
target_sources(radish_tests PRIVATE $<TARGET_OBJECTS:radish_c_header>)

add_executable(example_cpp ${CMAKE_CURRENT_LIST_DIR}/example_cpp.cpp)
add_executable(example_roots ${CMAKE_CURRENT_LIST_DIR}/example_roots.cpp)
add_executable(example_c ${CMAKE_CURRENT_LIST_DIR}/example_c.c)
set_target_properties(example_c PROPERTIES C_EXTENSIONS OFF LINKER_LANGUAGE CXX)
foreach(example IN ITEMS example_cpp example_roots example_c)
  target_link_libraries(${example} PRIVATE radish)
  target_compile_options(${example} PRIVATE -Wall -Wextra -Wpedantic)
  add_test(NAME ${example} COMMAND ${example} ${CMAKE_CURRENT_BINARY_DIR}/${example}.radish)
  set_tests_properties(${example} PROPERTIES PASS_REGULAR_EXPRESSION "^7(, by 8 bytes)?\n$" TIMEOUT 60)
endforeach()
