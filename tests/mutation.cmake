# What the runner of mutants (ci/mutation) needs besides the other harnesses.
if(RADISH_SANITIZE STREQUAL "thread")
  return()
endif()
add_executable(radish_mutant_judge ${PROJECT_SOURCE_DIR}/stress/mutation/judge.cpp)
target_link_libraries(radish_mutant_judge PRIVATE radish_explorer radish_model radish_flags)
add_library(radish_reach MODULE ${PROJECT_SOURCE_DIR}/stress/mutation/reach.cpp)
target_link_libraries(radish_reach PRIVATE radish_flags)
set_target_properties(radish_reach PROPERTIES PREFIX "")
