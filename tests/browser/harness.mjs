// What the browser tests share: checks that count, pages that are watched, an audit.
//
// Arguments: BASE_URL [LOGIN] [PASSWORD]; also from the environment: LUNA_BASE_URL, LUNA_LOGIN,
// LUNA_PASSWORD, CHROMIUM.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const packages = createRequire(join(root, "static/package.json"));
const { chromium } = packages("playwright-core");
const axeSource = readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");

export const base = (process.argv[2] ?? process.env.LUNA_BASE_URL ?? "").replace(/\/$/, "");
export const login = process.argv[3] ?? process.env.LUNA_LOGIN;
export const password = process.argv[4] ?? process.env.LUNA_PASSWORD;
if (!base) {
  console.error("usage: SCRIPT.mjs BASE_URL [LOGIN] [PASSWORD]");
  process.exit(2);
}
const origin = new URL(base).origin;
const pictures = join(root, "target/screenshots");
mkdirSync(pictures, { recursive: true });

let passed = 0;
let failed = 0;
export async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}
export function ensure(condition, message) {
  if (!condition) throw new Error(message);
}

const complaints = [];
const foreign = [];
/** A page that records what no page of Luna may do. */
export async function open(browser, options, allowedStatus = []) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.on("console", (message) => {
    // The browser reports a refused form as a failed load; the refusal itself is checked by the test.
    const refusal = allowedStatus.some((status) => message.text().includes(`status of ${status}`));
    if (message.type() === "error" && !refusal) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== origin) foreign.push(request.url());
  });
  return { context, page };
}

/** Violations that keep people out; the source is evaluated by the driver, outside the page's policy. */
export async function audit(page, where) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run());
  const grave = violations.filter((found) => ["serious", "critical"].includes(found.impact));
  const told = grave.map((found) => `${found.id} at ${found.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  ensure(grave.length === 0, `${where}: ${told.join("; ")}`);
}

export async function fits(page) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  ensure(beyond <= 0, `the page is ${beyond} px wider than the window`);
}

export const picture = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });

/** Runs `body` with a browser, then says how many checks passed and ends the process. */
export async function withBrowser(body) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  try {
    await body(browser);
    await check("nothing complained in the console", () => ensure(complaints.length === 0, complaints.join(" | ")));
    await check("nothing was asked of anyone else", () => ensure(foreign.length === 0, foreign.join(" ")));
  } finally {
    await browser.close();
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
