// Entry of the pages' script: fragments by htmx, the theme switch, the price chart.
import "htmx.org";
import { startPriceChart } from "./chart";
import { startThemeSwitch } from "./theme";

startThemeSwitch();
startPriceChart();
