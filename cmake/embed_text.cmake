# Writes a C++ source that defines a std::string_view with the text of a file.
# cmake -D FILE=in.txt -D OUT=out.cpp -D HEADER=cli/x.hpp -D NAMESPACE=ioswarm::cli -D NAME=kText -P cmake/embed_text.cmake

file(READ ${FILE} text)
file(WRITE ${OUT} "// Made from ${FILE} by cmake/embed_text.cmake.
#include \"${HEADER}\"

namespace ${NAMESPACE} {

const std::string_view ${NAME}{R\"embedded(${text})embedded\"};

}  // namespace ${NAMESPACE}
")
