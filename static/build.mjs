// Builds static/dist: one style sheet, one script module. Names are stable; the server adds the hash of the content.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const budgetBytes = 200 * 1024; // first load, compressed

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

await build({
  absWorkingDir: here,
  entryPoints: ["src/app.ts"],
  outfile: join(dist, "app.js"),
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  legalComments: "inline",
});

const tailwind = createRequire(import.meta.url).resolve("@tailwindcss/cli/package.json");
const styles = spawnSync(
  process.execPath,
  [join(dirname(tailwind), "dist/index.mjs"), "--input", "src/app.css", "--output", "dist/app.css", "--minify"],
  { cwd: here, stdio: "inherit" },
);
if (styles.status !== 0) process.exit(styles.status ?? 1);

const sizes = ["app.css", "app.js"].map((name) => [name, gzipSync(readFileSync(join(dist, name))).length]);
for (const [name, size] of sizes) console.log(`${name}: ${(size / 1024).toFixed(1)} KB compressed`);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
if (total > budgetBytes) {
  console.error(`first load is ${total} bytes compressed, allowed are ${budgetBytes}`);
  process.exit(1);
}
