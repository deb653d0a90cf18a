// Backend calls of requests in the debug log, by their trace.
#pragma once

namespace distsys::app {

/// From now on, at level debug, each backend call made on behalf of a traced request is a line with its `traceparent`.
void log_backend_calls() noexcept;

}  // namespace distsys::app
