import { library } from "../../tsup.config.base.ts";

const config: ReturnType<typeof library> = library();

export default config;
