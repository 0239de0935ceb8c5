//! Features as of an instant: calendar, lags by local wall time, day statistics, exogenous forecasts.
