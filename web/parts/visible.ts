import { printable } from '../../src/message/plain.ts';

/** Foreign text of several lines: line ends stay, every other control character shows as a dot. */
export function visible(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
