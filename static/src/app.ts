// Entry of the pages' script: fragments by htmx, the theme switch, the price chart, questions, files.
import "htmx.org";
import { startAsk } from "./ask";
import { startBring } from "./bring";
import { startPriceChart } from "./chart";
import { startThemeSwitch } from "./theme";

startThemeSwitch();
startPriceChart();
startAsk();
startBring();
