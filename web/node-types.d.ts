/** The contracts of the bot name one type of Node's on the way to those that the pages use. */
declare module 'node:stream' {
  export type Duplex = never;
}
declare module 'node:util' {
  export const inspect: { readonly custom: unique symbol };
}
