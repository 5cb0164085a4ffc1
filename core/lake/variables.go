package lake

// Variables are the variables of the environment that count for a lake. In a
// library Go knows the environment that the process began with; a face whose
// host may change them (os.environ in Python) brings these up to date.
var Variables = []string{
	"DDCORE_EXTENSION_DIR", "DDCORE_LOCK_TIMEOUT", "SLURM_CPUS_PER_TASK", "TMPDIR",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
	"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "PGAPPNAME", "PGCONNECT_TIMEOUT",
	"PGSSLMODE", "PGSSLKEY", "PGSSLCERT", "PGSSLROOTCERT", "PGSSLNEGOTIATION", "PGTARGETSESSIONATTRS", "PGOPTIONS", "PGTZ",
}
