package source

import "ddcore/core/source/olmes"

// Result dumps of OLMES: evaluations of models after their training, in a folder
// for each model. Where a record stands is part of it: a dump may repeat what
// another one holds.
var olmesTables = withOriginals([]RawTable{
	{
		Name: olmes.MetricsTable, Source: "olmes", Placed: true,
		Meaning: "OLMES results, one row per line of metrics-all.jsonl and per file of one task's metrics or configuration; objects are JSON text, rest is what else the line held",
	},
	{
		Name: olmes.PredictionsTable, Source: "olmes", Placed: true,
		Meaning: "OLMES predictions, one row per question; native_id, label, metrics and model_output are JSON text",
	},
	{
		Name: olmes.InputsTable, Source: "olmes", Placed: true,
		Meaning: "OLMES recorded inputs, one row per question; doc and requests are JSON text",
	},
	{
		Name: olmes.RequestsTable, Source: "olmes", Placed: true,
		Meaning: "OLMES requests, one row per request to the model; doc and request are JSON text",
	},
}, olmes.Fields)
