// Builds the page into ../dist: `node build.mjs`, or `node build.mjs DIR` to
// build elsewhere (the check that the committed page is that of its sources).
import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const out = process.argv[2] ?? "../dist";
await mkdir(out, { recursive: true });
const { metafile } = await build({
  entryPoints: { app: "src/main.ts" },
  bundle: true,
  alias: { vega: "./src/vega.js" },
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none", // NOTICES.txt has them all
  metafile: true,
  outdir: out,
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) await copyFile(join("static", name), join(out, name));

// The licence of every package that is in the bundle.
const packages = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.add(found[1]);
}
const notices = [];
for (const name of [...packages].sort()) {
  const dir = join("node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
  const file = (await readdir(dir)).find((f) => /^licen[cs]e/i.test(f));
  const text = file ? await readFile(join(dir, file), "utf8") : "";
  notices.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
}
await writeFile(join(out, "NOTICES.txt"), notices.join(`\n${"-".repeat(72)}\n\n`));
