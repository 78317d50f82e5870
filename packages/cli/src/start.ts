// `npm start`: the demo; with arguments after `--`, the command `shoal`.
import { runProcess } from "./process.ts";

const args = process.argv.slice(2);
await runProcess(args.length > 0 ? args : ["demo"]);
