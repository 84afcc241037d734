# cmake -DSOURCE=DIR -DREVISION=TEXT -DDATE=TEXT -DOUTPUT=FILE -P revision.cmake
# Writes the header that holds the commit and its date. Runs at every build and leaves the file alone where nothing
# changed, so that a program never tells an older commit than it was built from. REVISION and DATE override what git
# says, for builds without a git folder. A tree with uncommitted changes is marked with a + behind the commit.
function(git result)
  execute_process(COMMAND git -C ${SOURCE} ${ARGN} OUTPUT_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

# A tree that lies in another project's clone is not of that project's commit.
git(top rev-parse --show-toplevel)
file(REAL_PATH ${SOURCE} source)
if(top STREQUAL source)
  set(known TRUE)
endif()
if(NOT REVISION AND known)
  git(REVISION rev-parse --short=12 HEAD)
  git(changed status --porcelain --untracked-files=no)
  if(REVISION AND changed)
    string(APPEND REVISION "+")
  endif()
endif()
if(NOT DATE AND known)
  git(DATE log -1 --format=%cs)
endif()

set(header "#define ASSAY_REVISION \"${REVISION}\"\n#define ASSAY_DATE \"${DATE}\"\n")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT before STREQUAL header)
  file(WRITE ${OUTPUT} "${header}")
endif()
