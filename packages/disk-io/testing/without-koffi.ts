// A machine on which the optional package is not installed.

/** A module for `node --import` that has every import of koffi fail. */
export const WITHOUT_KOFFI: string = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const resolve = (name, context, next) => {
    if (name === "koffi") throw new Error("not installed");
    return next(name, context);
  };
  registerHooks({ resolve });
`)}`;
