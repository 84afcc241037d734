// proto/openapi.json, as it was when this was built.
#ifndef ASSAY_SERVER_TRANSPORT_OPENAPI_H_
#define ASSAY_SERVER_TRANSPORT_OPENAPI_H_

#include <string>

namespace assay::service {

const std::string& OpenApi();

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_OPENAPI_H_
