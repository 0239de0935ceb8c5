// The page where people bring files: chosen, looked at, stored; on a desk, on a phone, without script.
//
//   node tests/browser/upload.mjs BASE_URL LOGIN PASSWORD
//
// The login is an admin's. Prints «N passed, N failed»; status 1 on any failure.
import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

/** A quarter-hour file of two days with a header below a preamble and one row that cannot be read. */
function utilityFile(faulty) {
  const lines = ["Lastgang Messpunkt 4711", "", "Zeitstempel;HT kWh;NT kWh;Status"];
  for (let slot = 0; slot < 192; slot += 1) {
    const day = 1 + Math.floor(slot / 96);
    const hour = String(Math.floor((slot % 96) / 4)).padStart(2, "0");
    const minute = String((slot % 4) * 15).padStart(2, "0");
    const value = faulty && slot === 5 ? "viel" : `0,${10 + (slot % 40)}`;
    lines.push(`0${day}.02.2026 ${hour}:${minute};${value};0,05;W`);
  }
  return { name: "lastgang.csv", mimeType: "text/csv", buffer: Buffer.from(`${lines.join("\n")}\n`) };
}

async function enter(page) {
  await page.goto(`${base}/upload`);
  if (new URL(page.url()).pathname !== "/login") return;
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit].p");
  await page.waitForURL((url) => url.pathname === "/upload");
}

const meter = `browser-${Date.now() % 100000}`;

await withBrowser(async (browser) => {
  const desk = await open(browser, { viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "de-CH" }, [422]);
  const { page } = desk;
  await check("the page offers what an admin may bring", async () => {
    await enter(page);
    await audit(page, "start");
    await fits(page);
    await picture(page, "upload-1440");
    await page.check("input[value=weather]");
    ensure(await page.locator("#place").isVisible(), "no place");
    ensure(!(await page.locator("#new_meter").isVisible()), "a meter for weather");
    await page.check("input[value=readings]");
  });
  await check("a row that cannot be read holds the file up, and a tick leaves it out", async () => {
    await page.fill("#new_meter", meter);
    await page.setInputFiles("#file", utilityFile(true));
    await page.click(".bring button[type=submit]");
    await page.waitForURL((url) => url.pathname.startsWith("/upload/"));
    ensure((await page.locator("#status").innerText()).includes("Zeilen: 1."), "the row is not told");
    ensure((await page.locator("form[action$='/store']").count()) === 0, "it could be stored");
    await audit(page, "check");
    await fits(page);
    await picture(page, "upload-check-1440");
    await page.check("input[name=skip]");
    await page.locator("form[action$='/store']").waitFor();
    ensure((await page.locator("#status").innerText()).includes("191 Werte"), "not 191 values");
  });
  await check("the confirmed file is stored and its days are shown", async () => {
    await page.click("form[action$='/store'] button");
    await page.locator("progress").first().waitFor();
    ensure((await page.locator("#status").innerText()).startsWith("191 Werte gespeichert"), "not stored");
    await audit(page, "done");
    await fits(page);
    await picture(page, "upload-done-1440");
  });
  await check("a monthly total is entered", async () => {
    await page.goto(`${base}/upload`);
    await page.selectOption("#total_meter", meter);
    await page.fill("#month", "2026-01");
    await page.fill("#consumption_kwh", "412,5");
    await page.click("form[action='/upload/total'] button");
    await page.locator(".note.said").waitFor();
    await audit(page, "total");
    await picture(page, "upload-total-1440");
  });
  const state = await desk.context.storageState();
  const phone = await open(browser, {
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true,
    colorScheme: "light", locale: "de-CH", storageState: state,
  }, [422]);
  await check("a phone does the same without scrolling sideways", async () => {
    await phone.page.goto(`${base}/upload`);
    await fits(phone.page);
    await audit(phone.page, "phone");
    await picture(phone.page, "upload-390");
    await phone.page.selectOption("#meter", meter);
    await phone.page.setInputFiles("#file", utilityFile(false));
    await phone.page.click(".bring button[type=submit]");
    await phone.page.waitForURL((url) => url.pathname.startsWith("/upload/"));
    await fits(phone.page);
    await audit(phone.page, "phone check");
    await picture(phone.page, "upload-check-390");
    await phone.page.click("form[action$='/store'] button");
    await phone.page.locator("progress").first().waitFor();
    await fits(phone.page);
    await picture(phone.page, "upload-done-390");
  });
  const plain = await open(browser, { viewport: { width: 1024, height: 900 }, javaScriptEnabled: false, colorScheme: "dark", storageState: state }, [422]);
  await check("without script a spreadsheet is called one", async () => {
    await plain.page.goto(`${base}/upload`);
    const file = { name: "a.csv", mimeType: "text/csv", buffer: Buffer.from("PK\u0003\u0004") };
    await plain.page.setInputFiles("#file", file);
    await plain.page.fill("#new_meter", meter);
    await plain.page.click(".bring button[type=submit]");
    const told = await plain.page.locator("[role=alert]").innerText();
    ensure(told.includes("spreadsheet (.xlsx)"), told);
    await picture(plain.page, "upload-refused-dark-1024");
  });
});
