//! Models with versions, data hash, artefact hash, scores, and which one serves.
