//! Tests of the models through their public face.

mod benchmark;
