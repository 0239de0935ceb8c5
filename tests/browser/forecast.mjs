// The pages about forecasts in a real browser.
//
//   node tests/browser/forecast.mjs BASE_URL [LOGIN] [PASSWORD]
//
// Works on an empty box and on one whose forecasts have met prices; says which it saw. Prints «N passed,
// N failed»; status 1 on any failure.
import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

async function visit(page, path) {
  const answer = await page.goto(`${base}${path}`);
  if (new URL(page.url()).pathname !== "/login") return answer;
  ensure(login && password, "the page asks to log in, and no login was given");
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit].p");
  return page.goto(`${base}${path}`);
}

await withBrowser(async (browser) => {
  const { page } = await open(browser, { viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "de-CH" });
  let judged = false;

  await check("the page opens with a sentence", async () => {
    const answer = await visit(page, "/forecast");
    ensure(answer.status() === 200, `status ${answer.status()}`);
    ensure((await page.locator("#status").innerText()).length > 20, "no sentence");
    const current = page.locator("nav.nav a[aria-current=page]");
    ensure((await current.getAttribute("href")) === "/forecast", "the navigation does not say where we are");
    judged = (await page.locator("#lead-title").count()) === 1;
    console.log(judged ? "      forecasts have met prices" : "      nothing has been judged yet");
    await audit(page, "light");
    await picture(page, "forecast-1440");
  });
  await check("every drawing has its numbers", async () => {
    if (!judged) return;
    for (const section of ["#lead", "#days", "#calibration"]) {
      await page.locator(`${section} .pick-table`).check({ force: true });
      const cells = await page.locator(`${section} .as-table td:visible`).count();
      ensure(cells > 0, `${section} has no numbers`);
    }
    await audit(page, "tables");
    await picture(page, "forecast-tables-1440");
  });
  await check("the worst day shows its forecast next to what came", async () => {
    if (!judged || (await page.locator("#worst").count()) === 0) return;
    await page.click("#worst .hd a");
    ensure(new URL(page.url()).pathname === "/forecast/day", page.url());
    ensure((await page.locator("#hours svg.chart path.f").count()) === 1, "no forecast is drawn");
    ensure((await page.locator("#hours svg.chart path.p").count()) === 1, "no price is drawn");
    await audit(page, "day");
    await picture(page, "forecast-day-1440");
  });
  for (const [name, width, scheme] of [["dark-1440", 1440, "dark"], ["390", 390, "light"], ["dark-390", 390, "dark"]]) {
    await check(`the page fits and is readable: ${name}`, async () => {
      const other = await open(browser, {
        viewport: { width, height: 844 }, colorScheme: scheme, locale: "en-GB",
      });
      await visit(other.page, "/forecast");
      await fits(other.page);
      await audit(other.page, name);
      await picture(other.page, `forecast-${name}`);
      await other.context.close();
    });
  }
});
