// The page of prices in a real browser.
//
//   node tests/browser/prices.mjs BASE_URL [LOGIN] [PASSWORD]
//
// With a login the script signs in when the page asks for it. Prints «N passed, N failed»; status 1 on any failure.
import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

const firstLoadMaxBytes = 200 * 1024;

async function prices(page, query = "") {
  const answer = await page.goto(`${base}/prices${query}`);
  if (new URL(page.url()).pathname !== "/login") return answer;
  ensure(login && password, "the page asks to log in, and no login was given");
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit].p");
  await page.waitForURL((url) => url.pathname === "/prices");
  return page.goto(`${base}/prices${query}`);
}

const readout = (page) => page.locator("#readout").innerText();
const chartData = (page) => page.evaluate(() => JSON.parse(document.getElementById("chart-data").textContent));

await withBrowser(async (browser) => {
  const desktop = await open(browser, {
    viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "de-CH", acceptDownloads: true,
  });
  const { page } = desktop;

  await check("prices open with a sentence that names a price", async () => {
    const answer = await prices(page);
    ensure(answer.status() === 200, `status ${answer.status()}`);
    const sentence = await page.locator("#status").innerText();
    ensure(/\d\.\d\d/.test(sentence), `no price in «${sentence}»`);
    ensure(sentence.length <= 110, `the sentence has ${sentence.length} letters: ${sentence}`);
    const current = page.locator("nav.nav a[aria-current=page]");
    ensure((await current.getAttribute("href")) === "/prices", "the navigation does not say where we are");
  });
  await check("the first load is small", async () => {
    const sizes = [];
    const listen = (request) => sizes.push(request.sizes());
    page.on("requestfinished", listen);
    await page.goto(`${base}/prices`, { waitUntil: "networkidle" });
    page.off("requestfinished", listen);
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size.responseBodySize, 0);
    ensure(bytes <= firstLoadMaxBytes, `${bytes} bytes, allowed are ${firstLoadMaxBytes}`);
  });
  await check("the chart shows fifteen local days, the seam and the present", async () => {
    await page.locator("#plot canvas").waitFor();
    const data = await chartData(page);
    const wide = data.views.find((view) => view.id === "wide");
    const days = Math.round((wide.to - wide.from) / 86_400);
    ensure(days === 15 && data.days.length === 15, `${days} days, ${data.days.length} labels`);
    ensure(wide.from < data.now && data.now < wide.to, "the present is not in the chart");
    if (data.seam !== null) ensure(data.slots.some((slot) => slot.forecast && slot.from >= data.seam), "a seam without a forecast");
  });
  await check("the keyboard steps through the readout", async () => {
    const plot = page.locator("#plot");
    await plot.focus();
    ensure((await plot.getAttribute("role")) === "slider", "the plot is no slider");
    const home = await readout(page);
    await page.keyboard.press("Home");
    const first = await readout(page);
    await page.keyboard.press("PageUp");
    ensure((await readout(page)) !== first, `a day further reads the same: ${first}`);
    await page.keyboard.press("Escape");
    ensure((await readout(page)) === home, "Escape did not lead back to the present");
  });
  await check("the near view shows two days with their own summary", async () => {
    await page.check("input[name=range][value=near]", { force: true });
    ensure(await page.locator("#sum-near").isVisible(), "the summary of two days is hidden");
    ensure(!(await page.locator("#sum-wide").isVisible()), "the summary of fifteen days is shown");
    await picture(page, "prices-near-1440");
    await page.check("input[name=range][value=wide]", { force: true });
  });
  await check("prices have no grave violation in the light", async () => audit(page, "prices"));
  await picture(page, "prices-1440");
  await check("the table holds the hours of the chart", async () => {
    await page.check("input[name=view][value=table]", { force: true });
    const cells = await page.locator("#price td[data-value]:visible").count();
    const { slots } = await chartData(page);
    const hours = new Set(slots.map((slot) => Math.floor(slot.from / 3_600))).size;
    ensure(cells === hours && hours > 0, `${cells} cells for ${hours} hours`);
    await audit(page, "table");
    await picture(page, "prices-table-1440");
    await page.check("input[name=view][value=chart]", { force: true });
  });
  await check("the unit changes the numbers and is remembered", async () => {
    const price = async () => (await chartData(page)).slots[0].price;
    await page.click("[data-unit=ct]");
    await page.waitForURL((url) => url.pathname === "/prices");
    const cents = await price();
    await page.click("[data-unit=eur]");
    await page.waitForURL((url) => url.pathname === "/prices");
    const euro = await price();
    ensure(Math.abs(euro - 10 * cents) < 0.001, `${cents} ct/kWh are ${euro} EUR/MWh`);
    await page.goto(`${base}/`);
    ensure((await page.locator(".big small").innerText()) === "EUR/MWh", "Today forgot the unit");
    await page.goto(`${base}/prices`);
    ensure((await page.locator("[data-unit=eur][aria-current]").count()) === 1, "the choice is not marked");
    await picture(page, "prices-euro-1440");
    const francs = page.locator("a[data-unit=rp]");
    if ((await francs.count()) === 1) {
      await francs.click();
      await page.waitForURL((url) => url.pathname === "/prices");
      ensure(/1 EUR = \d\.\d{4} CHF/.test(await page.locator("#rate").innerText()), "no rate beside the unit");
    } else {
      ensure((await page.locator("#rate").innerText()).includes("Rp./kWh"), "nothing says why francs are off");
      await page.click("[data-unit=ct]");
    }
    await page.waitForURL((url) => url.pathname === "/prices");
  });
  await check("earlier weeks and the way back are links", async () => {
    const before = (await chartData(page)).views.at(-1).from;
    await page.click("a[rel=prev]");
    await page.waitForURL((url) => url.searchParams.has("from"));
    const from = (await chartData(page)).views.at(-1).from;
    const days = Math.round((before - from) / 86_400);
    ensure(days === 7, `the step is ${days} days`);
    await page.goto(`${base}/prices?from=2019-01-01`);
    ensure((await page.locator("#plot").count()) === 0, "a chart without values");
    await audit(page, "empty period");
    await picture(page, "prices-empty-period-1440");
    await page.goto(`${base}/prices`);
  });
  await check("the file holds a row for each slot of the chart", async () => {
    const { slots } = await chartData(page);
    const waiting = page.waitForEvent("download");
    await page.click("a[download]");
    const download = await waiting;
    ensure(/^luna-prices-[\w-]+\.csv$/.test(download.suggestedFilename()), download.suggestedFilename());
    const answer = await page.request.get(new URL(download.url()).href);
    const rows = (await answer.text()).trim().split("\r\n").length - 1;
    ensure(rows === slots.length, `${rows} rows for ${slots.length} slots`);
  });
  await check("dark has no grave violation", async () => {
    await page.click("[data-theme-choice=dark]");
    await audit(page, "dark");
    await picture(page, "prices-dark-1440");
    await page.click("[data-theme-choice=auto]");
  });

  const state = await desktop.context.storageState();
  const phone = await open(browser, {
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true,
    colorScheme: "light", locale: "de-CH", storageState: state,
  });
  await check("a phone shows the sentence and the figures without scrolling sideways", async () => {
    await prices(phone.page);
    await phone.page.locator("#plot canvas").waitFor();
    await fits(phone.page);
    const { y } = await phone.page.locator(".stats").boundingBox();
    ensure(y < 844 * 0.75, `the figures begin at ${Math.round(y)} px`);
    await audit(phone.page, "phone");
    await picture(phone.page, "prices-390");
    ensure((await phone.page.locator(".tabs a[aria-current=page]").getAttribute("href")) === "/prices", "no tab is marked");
  });
  await check("the phone's table scrolls inside its panel", async () => {
    await phone.page.check("input[name=view][value=table]", { force: true });
    await fits(phone.page);
    await picture(phone.page, "prices-table-390");
    await phone.page.check("input[name=view][value=chart]", { force: true });
  });
  await check("the phone in the dark has no grave violation", async () => {
    await phone.page.emulateMedia({ colorScheme: "dark" });
    await audit(phone.page, "dark phone");
    await picture(phone.page, "prices-dark-390");
  });
  const plain = await open(browser, { viewport: { width: 1024, height: 900 }, javaScriptEnabled: false, storageState: state });
  await check("without script the server's drawing and the table are there", async () => {
    await prices(plain.page);
    ensure(await plain.page.locator("#plot svg.chart").locator("visible=true").first().isVisible(), "no drawing");
    await plain.page.check("input[name=view][value=table]", { force: true });
    ensure(await plain.page.locator("#price td[data-value]").first().isVisible(), "no table");
    await picture(plain.page, "prices-without-script-1024");
  });
  const english = await open(browser, { viewport: { width: 1024, height: 900 }, colorScheme: "light", locale: "en-GB", storageState: state });
  await check("the page speaks English", async () => {
    await english.context.addCookies([{ name: "luna_lang", value: "en", url: base }]);
    await prices(english.page);
    ensure((await english.page.locator("h1").innerText()).startsWith("Prices"), "the heading is not English");
    await fits(english.page);
    await picture(english.page, "prices-english-1024");
  });
});
