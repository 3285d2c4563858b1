// Nothing goes wrong in the page: no error on the console, no script that throws.

export const name = 'console';

export async function check({ said, thrown }) {
  const errors = said.filter(({ level }) => level === 'error' || level === 'warning');
  return [
    ...errors.map(({ level, text }) => `The console has the ${level}: ${text}`),
    ...thrown.map((error) => `A script throws: ${error}`),
  ];
}
