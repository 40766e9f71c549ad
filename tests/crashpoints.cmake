# The explorer of crash points, and the subjects that its tests put under it.
if(RADISH_SANITIZE STREQUAL "thread")
  return()
endif()
target_link_libraries(radish_tests PRIVATE radish_explorer radish_model)
add_dependencies(radish_tests radish_subject radish_store_subject radish_check)
target_compile_definitions(radish_tests PRIVATE RADISH_CHECK_PATH="$<TARGET_FILE:radish_check>"
                                                RADISH_SUBJECT_PATH="$<TARGET_FILE:radish_subject>"
                                                RADISH_STORE_SUBJECT_PATH="$<TARGET_FILE:radish_store_subject>")

# The toy table, a subject that is nothing like radish: as it is, and instrumented, with its broken variants.
set(RADISH_SUBJECT_MAP ${PROJECT_SOURCE_DIR}/stress/crashpoints/subject.map)
set(RADISH_RECORDER ${PROJECT_SOURCE_DIR}/stress/crashpoints/recorder/recorder.cpp)
function(radish_add_toy part kind)
  add_library(${part} ${kind} ${ARGN})
  target_include_directories(${part} PRIVATE ${PROJECT_SOURCE_DIR}/stress)
  target_link_libraries(${part} PRIVATE radish_flags)
  if(kind STREQUAL "MODULE")
    set_target_properties(${part} PROPERTIES PREFIX "" LINK_DEPENDS ${RADISH_SUBJECT_MAP})
    target_link_options(${part} PRIVATE -Wl,--version-script=${RADISH_SUBJECT_MAP} -Wl,-Bsymbolic -Wl,--build-id)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${part} PRIVATE -fno-gnu-unique)
  endif()
endfunction()

radish_add_toy(radish_toy MODULE toy/subject.cpp toy/table.cpp)
radish_add_toy(radish_toy_recorded OBJECT toy/subject.cpp toy/table.cpp)
target_compile_definitions(radish_toy_recorded PRIVATE TOY_RECORDED)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(radish_toy_recorded PRIVATE -fsanitize-coverage=edge,trace-stores)
endif()
radish_add_toy(radish_store_toy MODULE toy/twins.cpp ${RADISH_RECORDER} $<TARGET_OBJECTS:radish_toy_recorded>)
target_compile_definitions(radish_store_toy PRIVATE TOY_RECORDED)
target_link_options(radish_store_toy PRIVATE -Wl,--wrap=mmap,--wrap=munmap)

add_dependencies(radish_tests radish_toy radish_store_toy)
target_compile_definitions(radish_tests PRIVATE RADISH_TOY_PATH="$<TARGET_FILE:radish_toy>"
                                                RADISH_STORE_TOY_PATH="$<TARGET_FILE:radish_store_toy>")
# crashpoints_recorder_test.cpp calls the recorder itself.
target_sources(radish_tests PRIVATE ${RADISH_RECORDER})
