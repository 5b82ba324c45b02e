import * as z from 'zod';
import { namePattern } from './bounds.ts';

/** Name of an environment, server or project, as used in URLs, keys and files. */
export const name = z
  .string()
  .regex(new RegExp(`^${namePattern}$`), 'must be 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or digit')
  .meta({ title: 'name', description: 'letters, digits, ".", "_", "-"; at most 63' });
