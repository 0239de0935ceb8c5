// The admin pages in a real browser: each audited light, dark and on a phone, and walked by keyboard.
//
//   node tests/browser/admin.mjs BASE_URL LOGIN PASSWORD
//
// The login is an admin's. Prints «N passed, N failed»; status 1 on any failure.
import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

const pages = [
  ["/admin", "system"],
  ["/admin/sources", "sources"],
  ["/admin/mqtt", "mqtt"],
  ["/admin/drops", "drops"],
  ["/admin/jobs", "jobs"],
  ["/admin/logs", "logs"],
  ["/admin/audit", "audit"],
  ["/admin/users", "users"],
  ["/admin/sessions", "sessions"],
  ["/admin/keys", "keys"],
  ["/admin/settings", "settings"],
  ["/admin/simulation", "simulation"],
  ["/admin/settings/server.trusted_proxies", "setting"],
  ["/account", "account"],
];

const path = (page) => new URL(page.url()).pathname;

/** Tabs on until what is focused fits `wanted`; what has the focus must be seen to have it. */
async function tabTo(page, wanted) {
  for (let step = 0; step < 200; step += 1) {
    await page.keyboard.press("Tab");
    const { fits: found, ring } = await page.evaluate((selector) => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      return { fits: at.matches(selector), ring: style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2 };
    }, wanted);
    if (!found) continue;
    ensure(ring, `${wanted} has the focus and does not show it`);
    return;
  }
  throw new Error(`the keyboard does not reach ${wanted}`);
}

await withBrowser(async (browser) => {
  const desk = await open(browser, { viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "de-CH" }, [422]);
  const { page } = desk;
  await check("the log-in leads an admin to the page that was asked for", async () => {
    await page.goto(`${base}/admin`);
    await page.fill("input[name=login]", login);
    await page.fill("input[name=password]", password);
    await page.click("button[type=submit].p");
    await page.waitForURL((url) => url.pathname === "/admin");
  });
  await check("the keyboard starts a schedule, and a word about it is shown once", async () => {
    await page.goto(`${base}/`);
    await tabTo(page, "header nav a[href='/admin']");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === "/admin");
    await tabTo(page, "main nav a[href='/admin/jobs']");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === "/admin/jobs");
    await tabTo(page, "form[action='/admin/schedules/access.remove_ended_sessions/run'] button");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname.startsWith("/admin/jobs/"));
    ensure((await page.locator("[role=status]").innerText()).length > 10, "nothing says what was done");
    await audit(page, "a job");
    await picture(page, "admin-job-1440");
    await page.reload();
    ensure((await page.locator("[role=status]").count()) === 0, "it is said twice");
  });
  await check("a schedule can be paused and goes on", async () => {
    for (const action of ["pause", "resume"]) {
      await page.goto(`${base}/admin/jobs`);
      await page.click(`form[action='/admin/schedules/access.remove_ended_sessions/${action}'] button`);
      await page.waitForURL((url) => url.pathname === "/admin/jobs");
      ensure(await page.locator("[role=status]").isVisible(), `nothing says what «${action}» did`);
    }
  });
  await check("the log is found by level and text", async () => {
    await page.goto(`${base}/admin/logs`);
    ensure((await page.locator(".lines li").count()) > 0, "no lines");
    await page.fill("input[name=text]", "there is no such line");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.search.includes("text="));
    ensure((await page.locator(".lines li").count()) === 0, "the text is not looked for");
  });

  await check("a new account has a page of its own", async () => {
    await page.goto(`${base}/admin/users`);
    await page.fill("input[name=login]", "bert@example.ch");
    await page.fill("input[name=password]", "short");
    await page.click("form[action='/admin/users'] button");
    await page.locator("input[name=password][aria-invalid=true]").waitFor();
    await audit(page, "a refused account");
    await picture(page, "admin-users-refused-1440");
    await page.fill("input[name=password]", "staple of nine clouds");
    await page.click("form[action='/admin/users'] button");
    await page.waitForURL((url) => url.pathname.startsWith("/admin/users/"));
    await audit(page, "an account");
    await picture(page, "admin-user-1440");
  });
  await check("a key is shown once", async () => {
    await page.goto(`${base}/admin/keys`);
    await page.fill("input[name=name]", "Wärmepumpe");
    await page.click("form[action='/admin/keys'] button");
    ensure((await page.inputValue("#made")).startsWith("luna_"), "no key is shown");
    await audit(page, "a new key");
    await picture(page, "admin-key-1440");
    await page.goto(`${base}/admin/keys`);
    ensure((await page.locator("#made").count()) === 0, "the key is shown again");
  });
  await check("a setting that cannot be is refused at its field", async () => {
    await page.goto(`${base}/admin/settings/server.requests_per_minute`);
    await page.fill("#value", "many");
    await page.keyboard.press("Enter");
    await page.locator("#value[aria-invalid=true]").waitFor();
    await audit(page, "a refused setting");
    await picture(page, "admin-setting-refused-1440");
  });
  await check("the log of changes opens a difference", async () => {
    await page.goto(`${base}/admin/audit`);
    await page.locator("details summary").first().focus();
    await page.keyboard.press("Enter");
    ensure(await page.locator("details[open] table").first().isVisible(), "no difference is shown");
    await audit(page, "a difference");
    await picture(page, "admin-audit-open-1440");
  });

  const state = await desk.context.storageState();
  const views = [
    ["1440", { viewport: { width: 1440, height: 900 }, colorScheme: "light" }],
    ["1440-dark", { viewport: { width: 1440, height: 900 }, colorScheme: "dark" }],
    ["390", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: "light" }],
    ["390-dark", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: "dark" }],
  ];
  for (const [view, options] of views) {
    const shown = await open(browser, { ...options, locale: "de-CH", storageState: state });
    for (const [address, name] of pages) {
      await check(`${address} at ${view} answers first, fits and has no grave violation`, async () => {
        const answer = await shown.page.goto(`${base}${address}`);
        ensure(answer.status() === 200, `status ${answer.status()}`);
        const sentence = await shown.page.locator("#status").innerText();
        ensure(sentence.length > 10 && sentence.length <= 140, `the sentence has ${sentence.length} letters: ${sentence}`);
        await fits(shown.page);
        await audit(shown.page, name);
        await picture(shown.page, `admin-${name}-${view}`);
      });
    }
    if (view === "390") {
      await check("a phone reaches the admin pages from its tabs", async () => {
        await shown.page.goto(`${base}/`);
        await shown.page.click("nav.tabs a[href='/admin']");
        await shown.page.waitForURL((url) => path(shown.page) === "/admin" && url.search === "");
      });
    }
    await shown.context.close();
  }
});
