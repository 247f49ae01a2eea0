/** Who decides, and why: kept with every decision. */
import { InvalidArgumentError } from 'commander';

const must = { reason: 'say why', why: 'say why', author: 'name who decides' } as const;

/** @throws InvalidArgumentError naming the option that is blank. */
export function refuseBlank(options: Readonly<Partial<Record<keyof typeof must, string>>>): void {
  for (const [name, what] of Object.entries(must)) {
    if (options[name as keyof typeof must]?.trim() !== '') continue;
    throw new InvalidArgumentError(`--${name} must ${what}.`);
  }
}
