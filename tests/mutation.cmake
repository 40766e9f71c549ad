# What the runner of mutants (ci/mutation) needs besides the other harnesses.
if(RADISH_SANITIZE STREQUAL "thread")
  return()
endif()
add_executable(radish_mutant_judge ${PROJECT_SOURCE_DIR}/stress/mutation/judge.cpp)
target_link_libraries(radish_mutant_judge PRIVATE radish_explorer radish_model radish_flags)
add_library(radish_reach MODULE ${PROJECT_SOURCE_DIR}/stress/mutation/reach.cpp)
target_link_libraries(radish_reach PRIVATE radish_flags)
set_target_properties(radish_reach PROPERTIES PREFIX "")

# Survivors without an explanation are named.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME mutants_that_survive_are_listed
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/mutants_test.py)

# The runner can fail: these are caught, one at least by each kind of harness that is no test. (Elsewhere the
# instructions are others, or too slow to be stepped through.)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT RADISH_SANITIZE)
  add_test(NAME mutants_are_caught
           COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/stress/mutation/run.py --build ${PROJECT_BINARY_DIR}
                   --output ${PROJECT_BINARY_DIR}/mutants_are_caught.jsonl --expect-caught
                   --harness operations --harness deaths --harness steps --harness waits
                   --only "txn/transaction.cpp:*:apply_entry:store:*" --only "txn/transaction.cpp:*:arm:store:*"
                   --only "txn/recovery.cpp:*:recover:branch:*" --only "heap/heap.cpp:*:take_slot:branch:*"
                   --only "radix/bucket.h:*:tag_of:condition:*" --only "sync/lock.cpp:*:hand_back_writer:store:*"
                   --only "sync/lock.cpp:*:wake:store:*")
  set_tests_properties(mutants_are_caught PROPERTIES TIMEOUT 120)
endif()
