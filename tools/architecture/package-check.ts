// Checks what surrounds the sources of a package: manifest, README, changeset.
import type { Package, Tree } from "./tree.ts";

const SCRIPTS = ["build", "check:pkg"];
const TEXTS = ["name", "version", "description"] as const;

/** What is missing around the published packages, one line each. */
export function checkPackages(tree: Tree): string[] {
  return [
    // `pnpm pack` puts the root's licence into each package, so none needs a copy.
    ...(tree.hasLicense ? [] : ["LICENSE: missing; pnpm packs it into each package"]),
    ...tree.packages.flatMap((pack) =>
      pack.isPublished ? checkPublished(pack, tree) : checkPrivate(pack),
    ),
  ];
}

function checkPrivate({ folder, manifest }: Package): string[] {
  return manifest.private === true
    ? []
    : [`${folder}/package.json: must be "private": it is never published`];
}

function checkPublished(pack: Package, tree: Tree): string[] {
  const { folder, hasReadme, manifest } = pack;
  return [
    ...(hasReadme ? [] : [`${folder}: has no README.md`]),
    ...manifestProblems(pack).map((problem) => `${folder}/package.json: ${problem}`),
    ...(manifest.version === "0.0.0" && !hasChangeset(manifest.name ?? "", tree)
      ? [`${folder}: no changeset names ${manifest.name}, so its first release would be left out`]
      : []),
  ];
}

function manifestProblems({ id, manifest }: Package): string[] {
  const problems: string[] = [];
  const expected = id === "cli" ? "shoal" : `@shoal/${id}`;
  const must = (holds: boolean, what: string): void => void (holds || problems.push(what));
  must(manifest.name === expected, `"name" must be "${expected}"`);
  for (const field of TEXTS) must(isText(manifest[field]), `"${field}" is missing`);
  must(manifest.license === "MIT", `"license" must be "MIT"`);
  must(manifest.type === "module", `"type" must be "module"`);
  must(manifest.sideEffects === false, `"sideEffects" must be false`);
  must(manifest.private === undefined, `"private" would keep it from being published`);
  must(isText(manifest.engines?.node), `"engines.node" is missing`);
  must(manifest.publishConfig?.access === "public", `"publishConfig.access" must be "public"`);
  must((manifest.keywords?.length ?? 0) > 0, `"keywords" is missing`);
  must(
    manifest.files?.includes("dist") === true && manifest.files.includes("!src/**/*.test.ts"),
    `"files" must hold "dist" and leave out "!src/**/*.test.ts"`,
  );
  for (const script of SCRIPTS) {
    must(isText(manifest.scripts?.[script]), `script "${script}" is missing`);
  }
  for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
    if (entry === "./package.json") continue;
    must(
      Object.keys(Object(target)).join() === "shoal-source,types,default",
      `entry "${entry}" must have "shoal-source", "types" and "default", in this order`,
    );
  }
  const workspace = Object.entries(manifest.dependencies ?? {});
  for (const [name, range] of workspace) {
    must(
      !name.startsWith("@shoal/") || range === "workspace:^",
      `${name} must be "workspace:^", got "${range}"`,
    );
  }
  return problems;
}

/** Whether the front matter of a changeset names the package. */
function hasChangeset(name: string, tree: Tree): boolean {
  return tree.changesets.some((text) => {
    const frontMatter = text.split(/^---$/m)[1] ?? "";
    return new RegExp(`^["']?${name}["']?:`, "m").test(frontMatter);
  });
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
