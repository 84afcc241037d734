#ifndef ASSAY_SERVER_CALLS_SERVER_INFO_H_
#define ASSAY_SERVER_CALLS_SERVER_INFO_H_

#include "assay/v1/signal_service.pb.h"
#include "server/wire/limits.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// The response to GetServerInfo.
v1::GetServerInfoResponse ServerInfo(const Limits& limits, const Catalog& catalog);

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_SERVER_INFO_H_
