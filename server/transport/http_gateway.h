// The sockets of the HTTP gateway, by civetweb. The gateway serves HttpRoutes to clients that do
// not speak gRPC.
#ifndef ASSAY_SERVER_TRANSPORT_HTTP_GATEWAY_H_
#define ASSAY_SERVER_TRANSPORT_HTTP_GATEWAY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/transport/http_routes.h"

namespace assay::service {

class HttpGateway {
 public:
  // Serves on `address`, which is HOST:PORT (port 0 takes a free one), [IPv6]:PORT or unix:PATH. It
  // answers up to HttpLimits.max_served requests at a time and keeps connections alive. `routes`
  // outlives the gateway. UNAVAILABLE: the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpGateway>> Start(const std::string& address,
                                                            const HttpRoutes* routes);
  virtual ~HttpGateway() = default;
  virtual int port() const = 0;
  // How many requests are being answered.
  virtual int calls() const = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_HTTP_GATEWAY_H_
