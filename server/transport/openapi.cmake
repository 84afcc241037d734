# Writes OUTPUT, a C++ source that holds the description of the HTTP gateway, from INPUT: called by CMake at build time.
# A literal may not be longer than 64 KiB everywhere, so it is put together from pieces.
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND pieces "  text += R\"json(${piece})json\";\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT} "#include \"server/transport/openapi.h\"

namespace assay::service {
namespace {

std::string Document() {
  std::string text;
${pieces}  return text;
}

}  // namespace

const std::string& OpenApi() {
  static const std::string* const document = new std::string(Document());
  return *document;
}

}  // namespace assay::service
")
