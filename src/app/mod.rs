//! The program put together: services built once, routes, the OpenAPI document.
