"""Talk to engines: admission of requests, readiness, connections, and the errors that they return."""
