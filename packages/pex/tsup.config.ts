import { library } from "../../tsup.config.base.ts";

const config: ReturnType<typeof library> = library(["src/index.ts"]);

export default config;
