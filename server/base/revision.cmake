# cmake -DSOURCE=DIR -DREVISION=TEXT -DDATE=TEXT -DOUTPUT=FILE -P revision.cmake
# Writes the header that holds the commit and its date. Runs at every build and leaves the file alone where nothing
# changed, so that a program never tells an older commit than it was built from. REVISION and DATE override what git
# says, for builds without a git folder. A tree with uncommitted changes is marked with a + behind the commit.
function(git result)
  execute_process(COMMAND git -C ${SOURCE} ${ARGN} OUTPUT_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

if(NOT REVISION)
  git(REVISION rev-parse --short=12 HEAD)
  git(changed status --porcelain --untracked-files=no)
  if(REVISION AND changed)
    string(APPEND REVISION "+")
  endif()
endif()
if(NOT DATE)
  git(DATE log -1 --format=%cs)
endif()

set(header "#define ASSAY_REVISION \"${REVISION}\"\n#define ASSAY_DATE \"${DATE}\"\n")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT before STREQUAL header)
  file(WRITE ${OUTPUT} "${header}")
endif()
