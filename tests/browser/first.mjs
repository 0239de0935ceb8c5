// A box from its first visit on: what guests see, the first account, the log-out, the API's page.
//
//   node tests/browser/first.mjs BASE_URL LOGIN PASSWORD
//
// LUNA_SETUP_CODE_FILE names the file with the one-time code. Prints «N passed, N failed»; status 1
// on any failure.
import { readFileSync } from "node:fs";

import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

const path = (page) => new URL(page.url()).pathname;

await withBrowser(async (browser) => {
  const { page } = await open(browser, { viewport: { width: 1024, height: 900 }, colorScheme: "light", locale: "de-CH" }, [422]);

  await check("a guest of a new box sees the day and the way to the first account", async () => {
    const answer = await page.goto(`${base}/`);
    ensure(answer.status() === 200, `status ${answer.status()}`);
    await page.goto(`${base}/login`);
    await page.click("a[href='/setup']");
    await page.waitForURL((url) => url.pathname === "/setup");
    await fits(page);
    await audit(page, "set-up");
    await picture(page, "setup-1024");
  });
  await check("a wrong code is named at its field, and what was typed stays", async () => {
    await page.fill("input[name=setup_code]", "AAAA-BBBB-CCCC-DDDD");
    await page.fill("input[name=login]", login);
    await page.fill("input[name=password]", password);
    await page.click("button[type=submit].p");
    const field = page.locator("input[name=setup_code][aria-invalid=true]");
    await field.waitFor();
    ensure((await page.inputValue("input[name=login]")) === login, "the name is gone");
    ensure((await page.inputValue("input[name=password]")) === "", "the password came back");
    const said = await page.locator("#setup_code-error").innerText();
    ensure(said.length > 10, "the problem has no words");
  });
  await check("the right code makes the first account and signs it in", async () => {
    const code = readFileSync(process.env.LUNA_SETUP_CODE_FILE, "utf8").trim();
    await page.fill("input[name=setup_code]", code);
    await page.fill("input[name=login]", login);
    await page.fill("input[name=password]", password);
    await page.click("button[type=submit].p");
    await page.waitForURL((url) => url.pathname === "/");
    ensure((await page.locator("header .who").innerText()).includes(login), "the name is not shown");
  });
  await check("the set-up is closed afterwards", async () => {
    await page.goto(`${base}/setup`);
    ensure(path(page) !== "/setup", "the form is still there");
  });
  await check("the API's page shows every group of operations", async () => {
    await page.goto(`${base}/docs/`);
    // Some hundred operations take a slow machine its time.
    await page.locator(".swagger-ui .opblock-tag").first().waitFor({ timeout: 60_000 });
    const tags = await page.locator(".swagger-ui .opblock-tag").count();
    ensure(tags >= 5, `only ${tags} groups`);
    await page.locator("#operations-accounts-get_me .opblock-summary").click();
    await page.locator("#operations-accounts-get_me .opblock-body").waitFor();
    await picture(page, "docs-1024");
  });
  await check("an operation can be tried out there with the session of the browser", async () => {
    const operation = page.locator("#operations-accounts-get_me");
    await operation.locator("button.try-out__btn").click();
    await operation.locator("button.execute").click();
    const answer = operation.locator(".live-responses-table .response-col_status");
    await answer.first().waitFor();
    const text = await operation.locator(".live-responses-table").innerText();
    ensure(text.includes("200") && text.includes(login), `the answer is ${text.slice(0, 200)}`);
  });
  await check("language and theme stay, page by page", async () => {
    await page.goto(`${base}/`);
    await page.click("header a[hreflang=en]");
    await page.waitForURL((url) => url.pathname === "/");
    ensure((await page.getAttribute("html", "lang")).startsWith("en"), "the page is not English");
    await page.click("[data-theme-choice=dark]");
    await page.goto(`${base}/`);
    ensure((await page.getAttribute("html", "lang")).startsWith("en"), "the language was forgotten");
    ensure((await page.getAttribute("html", "data-theme")) === "dark", "the theme was forgotten");
    await page.click("[data-theme-choice=auto]");
    await page.click("header a[hreflang=de]");
    await page.waitForURL((url) => url.pathname === "/");
  });
  await check("the log-out ends the session and says so", async () => {
    await page.click("header form[action='/logout'] button");
    await page.waitForURL((url) => url.pathname === "/login");
    ensure(await page.locator("[role=status]").isVisible(), "nothing says that the session has ended");
    await page.goto(`${base}/?market=SIM-CH`);
    ensure(path(page) === "/login", "the day is still shown");
  });
  await check("the log-in leads back to the page that asked for it", async () => {
    await page.fill("input[name=login]", login);
    await page.fill("input[name=password]", password);
    await page.click("button[type=submit].p");
    await page.waitForURL((url) => url.pathname === "/" && url.search === "?market=SIM-CH");
    ensure((await page.locator("header .who").innerText()).includes(login), "the name is not shown");
  });
  await check("a page that does not exist says so in words", async () => {
    const other = await open(browser, { locale: "de-CH" }, [404]);
    const answer = await other.page.goto(`${base}/nirgends`);
    ensure(answer.status() === 404, `status ${answer.status()}`);
    ensure((await other.page.locator("h1").innerText()).length > 5, "no heading");
  });
});
