// The page of the day and the log-in in a real browser.
//
//   node tests/browser/today.mjs BASE_URL [LOGIN] [PASSWORD]
//
// With a login the script signs in when the page asks for it. Prints «N passed, N failed»; status 1 on any failure.
import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

const firstLoadMaxBytes = 200 * 1024;

async function today(page) {
  const answer = await page.goto(`${base}/`);
  if (new URL(page.url()).pathname !== "/login") return answer;
  ensure(login && password, "the page asks to log in, and no login was given");
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit].p");
  await page.waitForURL((url) => url.pathname === "/");
  return page.goto(`${base}/`);
}

const readout = (page) => page.locator("#readout").innerText();

await withBrowser(async (browser) => {
  const desktop = await open(browser, { viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "de-CH" });
  const { page } = desktop;

  await check("today answers with a heading and a sentence", async () => {
    const answer = await today(page);
    ensure(answer.status() === 200, `status ${answer.status()}`);
    ensure((await page.locator("h1").innerText()).length > 5, "no heading");
    const sentence = await page.locator("#status").innerText();
    ensure(sentence.length > 10 && sentence.length <= 110, `the sentence has ${sentence.length} letters: ${sentence}`);
  });
  await check("the first load is small", async () => {
    const sizes = [];
    const listen = (request) => sizes.push(request.sizes());
    page.on("requestfinished", listen);
    await page.goto(`${base}/`, { waitUntil: "networkidle" });
    page.off("requestfinished", listen);
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size.responseBodySize, 0);
    ensure(bytes <= firstLoadMaxBytes, `${bytes} bytes, allowed are ${firstLoadMaxBytes}`);
  });
  await check("the policy forbids inline script and style", async () => {
    const policy = (await page.request.get(`${base}/`)).headers()["content-security-policy"] ?? "";
    ensure(policy.includes("script-src 'self'") && !policy.includes("unsafe"), `policy: ${policy}`);
  });
  await check("the chart is drawn", async () => {
    await page.locator("#plot canvas").waitFor();
    const painted = await page.locator("#plot canvas").evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count += 1;
      return count;
    });
    ensure(painted > 2_000, `only ${painted} points are painted`);
  });
  await check("the keyboard steps through the readout", async () => {
    const plot = page.locator("#plot");
    await plot.focus();
    ensure((await plot.getAttribute("role")) === "slider", "the plot is no slider");
    const home = await readout(page);
    await page.keyboard.press("Home");
    const first = await readout(page);
    await page.keyboard.press("ArrowRight");
    const second = await readout(page);
    ensure(first !== second, `the arrow changed nothing: ${first}`);
    await page.keyboard.press("End");
    const last = await readout(page);
    ensure(last !== second, `End changed nothing: ${last}`);
    const valueText = await plot.getAttribute("aria-valuetext");
    ensure(last.startsWith(valueText.slice(0, 12)), `the value text differs: ${valueText}`);
    await page.keyboard.press("Escape");
    ensure((await readout(page)) === home, "Escape did not lead back to the present");
  });
  await check("the pointer reads out what lies under it", async () => {
    const box = await page.locator("#plot").boundingBox();
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
    const left = await readout(page);
    await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 2);
    ensure((await readout(page)) !== left, `both sides read ${left}`);
  });
  await check("the short view shows its own summary", async () => {
    await page.check("input[name=range][value=near]", { force: true });
    ensure(await page.locator("#sum-near").isVisible(), "the summary of 36 h is hidden");
    ensure(!(await page.locator("#sum-wide").isVisible()), "the summary of 8 days is shown");
    await picture(page, "today-36h-1440");
    await page.check("input[name=range][value=wide]", { force: true });
  });
  await check("today has no grave violation in the light", async () => audit(page, "today"));
  await picture(page, "today-1440");
  await check("the table holds the hours of the chart", async () => {
    await page.check("input[name=view][value=table]", { force: true });
    const cells = await page.locator("td[data-value]:visible").count();
    const hours = await page.evaluate(() => {
      const { slots } = JSON.parse(document.getElementById("chart-data").textContent);
      return new Set(slots.map((slot) => Math.floor(slot.from / 3600))).size;
    });
    ensure(cells === hours && hours > 0, `${cells} cells for ${hours} hours`);
    ensure(!(await page.locator("#plot").isVisible()), "the chart is still shown");
    await audit(page, "table");
    await picture(page, "today-table-1440");
    await page.check("input[name=view][value=chart]", { force: true });
  });
  await check("dark acts at once and stays", async () => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await page.click("[data-theme-choice=dark]");
    ensure((await ground()) !== before, `the ground stayed ${before}`);
    await page.reload();
    ensure((await page.getAttribute("html", "data-theme")) === "dark", "a reload forgot the choice");
    await page.locator("#plot canvas").waitFor();
    await audit(page, "dark");
    await picture(page, "today-dark-1440");
    await page.click("[data-theme-choice=auto]");
  });
  await check("the language switch leads there and back", async () => {
    const language = () => page.getAttribute("html", "lang");
    const before = await language();
    const heading = await page.locator("h1").innerText();
    await page.click("header a[hreflang]");
    await page.waitForURL((url) => url.pathname === "/");
    ensure((await language()) !== before, `the language stayed ${before}`);
    ensure((await page.locator("h1").innerText()) !== heading, `the heading stayed «${heading}»`);
    await page.click("header a[hreflang]");
    await page.waitForURL((url) => url.pathname === "/");
    ensure((await language()) === before, "the way back is missing");
  });

  const state = await desktop.context.storageState();
  const phone = await open(browser, {
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true,
    colorScheme: "light", locale: "de-CH", storageState: state,
  });
  await check("a phone shows the sentence, the price and the chart's head without scrolling", async () => {
    await today(phone.page);
    await phone.page.locator("#plot canvas").waitFor();
    await fits(phone.page);
    const { y } = await phone.page.locator("#plot").boundingBox();
    ensure(y < 844 * 0.75, `the chart begins at ${Math.round(y)} px`);
    await audit(phone.page, "phone");
    await picture(phone.page, "today-390");
  });
  await check("the phone's table scrolls inside its panel", async () => {
    await phone.page.check("input[name=view][value=table]", { force: true });
    await fits(phone.page);
    await picture(phone.page, "today-table-390");
  });
  const plain = await open(browser, { viewport: { width: 1024, height: 900 }, javaScriptEnabled: false, storageState: state });
  await check("without script the server's drawing and the table are there", async () => {
    await today(plain.page);
    ensure(await plain.page.locator("#plot svg.chart").locator("visible=true").first().isVisible(), "no drawing");
    await plain.page.check("input[name=view][value=table]", { force: true });
    ensure(await plain.page.locator("td[data-value]").first().isVisible(), "no table");
    await picture(plain.page, "today-without-script-1024");
  });

  const gate = await open(browser, { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "de-CH" }, [401, 403, 422, 429]);
  await check("a wrong log-in names the problem and keeps the name", async () => {
    await gate.page.goto(`${base}/login`);
    await gate.page.fill("input[name=login]", "nobody");
    await gate.page.fill("input[name=password]", "not the password");
    await gate.page.click("button[type=submit].p");
    const field = gate.page.locator("input[name=password][aria-invalid=true]");
    await field.waitFor();
    const described = await field.getAttribute("aria-describedby");
    ensure((await gate.page.locator(`#${described}`).innerText()).length > 10, "the problem has no words");
    ensure((await gate.page.inputValue("input[name=password]")) === "", "the password came back");
    await fits(gate.page);
    await audit(gate.page, "log-in");
    await picture(gate.page, "login-390");
  });
});
