// The whole server as one object, which main starts and integration tests start in their own
// process.
#ifndef ASSAY_SERVER_RUNTIME_ASSAY_SERVER_H_
#define ASSAY_SERVER_RUNTIME_ASSAY_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/runtime/config.h"
#include "server/telemetry/log.h"
#include "server/wire/resolve_options.h"

namespace assay::runtime {

class AssayServer {
 public:
  // Starts a server, which serves when this returns: health says SERVING. `catalog` has evaluators
  // and priors beside the configured ones. `log` must outlive the server. UNAVAILABLE: an address
  // cannot be bound. INVALID_ARGUMENT: the configuration is wrong, as the message says.
  static absl::StatusOr<std::unique_ptr<AssayServer>> Start(const Config& config,
                                                            const service::Catalog& catalog,
                                                            const telemetry::Log* log);
  virtual ~AssayServer() = default;

  virtual int port() const = 0;
  virtual int metrics_port() const = 0;  // 0: none
  virtual int ops_port() const = 0;      // 0: none
  virtual int http_port() const = 0;     // 0: none
  virtual int streams() const = 0;

  // Sets health to NOT_SERVING, sends every stream a go_away and finishes what is in flight.
  // Returns when no stream or call is left, after `grace` at the latest; true where nothing had to
  // be cut off.
  virtual bool Shutdown(absl::Duration grace) = 0;
};

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_ASSAY_SERVER_H_
