// The page of documents: files dropped and chosen, a question, its quotes and where they stand; on a
// desk, on a phone, without script.
//
//   node tests/browser/documents.mjs BASE_URL LOGIN PASSWORD
//
// The login is an admin's. Prints «N passed, N failed»; status 1 on any failure.
import { audit, base, check, ensure, fits, login, open, password, picture, withBrowser } from "./harness.mjs";

const stamp = Date.now() % 100000;
const sheet = {
  name: `tarifblatt-${stamp}.txt`,
  mimeType: "text/plain",
  buffer: Buffer.from(
    "Tarifblatt Rücklieferung, alle Preise exkl. MWST\n\n" +
      `Für Anlagen bis 30 kW beträgt die Vergütung nach Blatt ${stamp} mindestens 6.00 Rp./kWh, auch bei negativem Marktpreis. ` +
      "Für grössere Anlagen gelten andere Ansätze.\n\nEnergie Einheitstarif: 14.25 Rp./kWh\n",
  ),
};
const empty = { name: "leer.txt", mimeType: "text/plain", buffer: Buffer.from("") };
const question = `Wie hoch ist die Vergütung bis 30 kW nach Blatt ${stamp}?`;

async function enter(page) {
  await page.goto(`${base}/documents`);
  if (new URL(page.url()).pathname !== "/login") return;
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit].p");
  await page.waitForURL((url) => url.pathname === "/documents");
}

async function ask(page, words) {
  await page.fill("#question", words);
  await page.press("#question", "Enter");
  await page.locator("#answer .mode, #answer .note").first().waitFor();
}

await withBrowser(async (browser) => {
  const desk = await open(browser, { viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "de-CH" }, [422]);
  const { page } = desk;
  await check("the page says what it is and offers to bring files", async () => {
    await enter(page);
    await audit(page, "start");
    await fits(page);
    await picture(page, "documents-start-1440");
    ensure(await page.locator("#file").isVisible(), "no field for files");
  });
  await check("each file says what became of it, and the list follows", async () => {
    await page.setInputFiles("#file", [sheet, empty]);
    await page.click(".bring-docs button[type=submit]");
    await page.locator(".sent li .bad", { hasText: "leer" }).waitFor();
    ensure((await page.locator(".sent li").count()) === 2, "not two lines");
    await page.locator("#docs a.t", { hasText: `tarifblatt-${stamp}` }).waitFor({ timeout: 20_000 });
  });
  await check("a question is answered with a quote that leads into the document", async () => {
    await page.locator(`#docs li:has-text("tarifblatt-${stamp}"):not(:has-text("wird gelesen")):not(:has-text("wartet"))`).waitFor({ timeout: 30_000 });
    await ask(page, question);
    await page.locator("#answer mark", { hasText: "6.00 Rp./kWh" }).waitFor();
    ensure((await page.locator("#answer .mode").first().innerText()).includes("kein Sprachmodell"), "the mode is not said");
    await audit(page, "answer");
    await fits(page);
    await picture(page, "documents-answer-1440");
    await page.locator("#answer .go a").first().click();
    await page.locator("mark#hit", { hasText: "6.00 Rp./kWh" }).waitFor();
    ensure(await page.locator("mark#hit").isVisible(), "the passage is not in sight");
    await audit(page, "document");
    await fits(page);
    await picture(page, "documents-one-1440");
  });
  await check("what is not in there is not answered, and feedback is kept", async () => {
    await page.goto(`${base}/documents`);
    await ask(page, "Wann fährt der letzte Zug nach Timbuktu?");
    await page.locator("#answer", { hasText: "In Ihren Dokumenten steht dazu nichts." }).waitFor();
    await audit(page, "not found");
    await picture(page, "documents-none-1440");
    await page.locator(".rate button[value='-1']").click();
    await page.locator("#answer .note.ok", { hasText: "festgehalten" }).waitFor();
  });
  await check("a phone shows the same by its tab", async () => {
    const phone = await open(browser, { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "de-CH", hasTouch: true });
    await enter(phone.page);
    ensure((await phone.page.locator(".tabs a[aria-current=page]").getAttribute("href")) === "/documents", "no tab is marked");
    await ask(phone.page, question);
    await phone.page.locator("#answer mark").first().waitFor();
    await audit(phone.page, "phone");
    await fits(phone.page);
    await picture(phone.page, "documents-answer-390");
    await phone.page.locator("#answer .go a").first().click();
    await phone.page.locator("mark#hit").waitFor();
    await fits(phone.page);
    await picture(phone.page, "documents-one-390");
    await phone.context.close();
  });
  await check("everything works without script, too", async () => {
    const plain = await open(browser, { viewport: { width: 1024, height: 800 }, locale: "en-GB", javaScriptEnabled: false });
    await enter(plain.page);
    ensure((await plain.page.locator("h1").innerText()).includes("Documents"), "not in English");
    await plain.page.fill("#question", question);
    await plain.page.click(".ask button[type=submit]");
    await plain.page.locator("#answer mark", { hasText: "6.00 Rp./kWh" }).first().waitFor();
    await fits(plain.page);
    await plain.context.close();
  });
});
