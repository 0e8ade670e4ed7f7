/** The version of this software, for people. A constant, so that it is known in a bundle too. */

export const VERSION = "0.1.0";
