import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

/** The user's choice; `system` follows the setting of the operating system. */
export const theme = signal<Theme>(stored());

function stored(): Theme {
  const value = localStorage.getItem('theme');
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = theme.value;
}

export function nextTheme(): void {
  theme.value = theme.value === 'system' ? 'light' : theme.value === 'light' ? 'dark' : 'system';
  localStorage.setItem('theme', theme.value);
  applyTheme();
}
