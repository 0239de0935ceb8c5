//! Questions and answers: passages, quotes that are proven, abstaining, and what a model may write.
