// What goes wrong in a simulation.
import { ShoalError } from "@shoal/core";

/**
 * An error of the test kit. Codes: `ERR_TESTKIT_REFUSED`, `ERR_TESTKIT_RESET`,
 * `ERR_TESTKIT_ADDRESS_IN_USE`, `ERR_TESTKIT_ADDRESS_UNAVAILABLE` as a network gives them;
 * `ERR_TESTKIT_IDLE` and `ERR_TESTKIT_TIMEOUT` when what a run waits for does not come.
 */
export class TestkitError extends ShoalError {
  override readonly name: string = "TestkitError";
}
