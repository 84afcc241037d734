#include <assay/client.h>

#include <iostream>

// Nobody listens on port 1: that this is told is all that is wanted here.
int main() {
  const auto client = assay::client::SignalClient::Connect("127.0.0.1:1");
  assay::client::StreamConfig config;
  config.reconnect_timeout = absl::Milliseconds(100);
  const absl::Status status = client->Stream(config)->Finish();
  std::cout << status << "\n";
  return absl::IsUnavailable(status) ? 0 : 1;
}
