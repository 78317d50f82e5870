import { library } from "../../tsup.config.base.ts";

const config: ReturnType<typeof library> = library(["src/main.ts"]);

export default config;
