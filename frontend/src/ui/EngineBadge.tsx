const engines: Record<string, { short: string; name: string }> = {
  postgres: { short: 'Pg', name: 'PostgreSQL' },
  mysql: { short: 'My', name: 'MySQL' },
  mariadb: { short: 'Ma', name: 'MariaDB' },
  mongodb: { short: 'Mo', name: 'MongoDB' },
  sqlserver: { short: 'Ms', name: 'SQL Server' },
  sqlite: { short: 'Sl', name: 'SQLite' },
  redis: { short: 'Re', name: 'Redis' },
};

/** What people call an engine; these names are the same in every language. */
export function engineName(engine: string): string {
  return engines[engine]?.name ?? engine;
}

/** An engine as two letters in a box. Readers hear its name. */
export function EngineBadge({ engine }: { engine: string }) {
  const name = engineName(engine);
  return (
    <span className="eng" role="img" aria-label={name} title={name}>
      {engines[engine]?.short ?? engine.slice(0, 2)}
    </span>
  );
}
