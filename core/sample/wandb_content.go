package sample

import (
	"fmt"
	"strconv"
	"strings"
)

// decimals is how many W&B keeps of a metric in the real sample.
const decimals = 10

// ftTasks are the tasks that fine-tuning runs are evaluated on.
func (p *plan) ftTasks() []*task {
	var tasks []*task
	for i := range p.tasks {
		if !strings.HasPrefix(p.tasks[i].name, "mmlu_") {
			tasks = append(tasks, &p.tasks[i])
		}
	}
	return tasks
}

// config has the arguments of the run and what its checkpoint reached. Some
// numbers are texts in some runs, as in the real ones.
func (p *plan) config(r *ftRun) []byte {
	person, s := r.person(), r.start.size
	lists := newKeyLists()
	return objectOf(func(o *object) {
		o.whole("seed", 42)
		o.text("exp_name", r.id)
		o.text("run_name", r.id)
		o.number("learning_rate", r.lr)
		o.whole("num_train_epochs", 1+int64(r.key.with(5).below(2)))
		o.text("output_dir", person.home+"/models/"+r.id)
		o.text("model_name_or_path", person.home+"/.cache/huggingface/hub/models--sample--"+s.label)
		o.raw("dataset_mixer_list", []byte(`["allenai/tulu-3-sft-mixture","1.0"]`))
		o.text("wandb_entity", wandbEntity)
		o.text("wandb_project_name", wandbProject)
		o.raw("max_train_steps", []byte("null"))
		if r.key.with(6).below(2) == 0 {
			o.whole("model_size", int64(s.params))
		} else {
			o.text("model_size", fmt.Sprintf("%.0f", s.params))
		}
		o.text("model_pretrain_compute", fmt.Sprintf("%.0f", 6*s.params*s.tokens(r.start.step)))
		o.whole("pretrain_steps", r.start.step)
		o.number("pretrain_tokens", s.tokens(r.start.step))
		r.logArguments(o)
		for _, t := range p.ftTasks() {
			v := p.model.measure(r.start, t)
			for _, k := range lists.of(s, r.start.recipe, t.conditional) {
				o.number("pretrain_eval_"+t.name+"_"+keyNames[k], round(v[k], decimals))
			}
		}
	})
}

// summary has the last values of the history and the evaluations, each as an
// object and as numbers of their own.
func (p *plan) summary(r *ftRun) []byte {
	lists := newKeyLists()
	return objectOf(func(o *object) {
		if n := len(r.history); n > 0 {
			last := r.history[n-1]
			o.whole("_step", last.step)
			o.number("_runtime", last.runtime)
			o.number("_timestamp", last.timestamp)
			o.number("train_loss", last.loss)
			o.number("learning_rate", last.learningRate)
			if !r.isDPO {
				o.whole("total_tokens", int64(last.tokens))
			}
			o.raw("_wandb", []byte(fmt.Sprintf(`{"runtime":%d}`, int64(last.runtime))))
		}
		if r.state == "crashed" {
			return
		}
		for _, t := range p.ftTasks() {
			v := p.model.measure(r.start, t)
			gain := 1 + 0.02*r.key.with(7).id(t.id).normal()
			keys := lists.of(r.start.size, r.start.recipe, t.conditional)
			o.raw("oe_eval_metrics/"+t.name, objectOf(func(o *object) {
				for _, k := range keys {
					o.number(keyNames[k], round(v[k]*gain, decimals))
				}
				o.raw("extra_metrics", []byte(`{"no_answer":0}`))
				o.whole("num_instances", 1000)
				o.raw("task_config", []byte(`{"compute_gold_bpb":false,"context_kwargs":{"description":null},"custom_kwargs":null,"dataset_name":null,"external_eval":null,"fewshot_seed":1234,"fewshot_source":"sample","generation_kwargs":null,"limit":null,"metric_kwargs":{"uncond_docid_offset":1000000},"model_max_length":null,"native_id_field":"id","num_shots":5,"primary_metric":"acc_raw","random_subsample_seed":1234,"revision":null,"split":"test","use_chat_format":null,"version":0,"task_name":`+strconv.Quote(t.name)+`}`))
			}))
			for _, k := range keys {
				o.number("oe_eval_metrics/"+t.name+"/"+keyNames[k], round(v[k]*gain, decimals))
			}
		}
	})
}

// metadata is where personal data lies.
func (p *plan) metadata(r *ftRun) []byte {
	person, job := r.person(), 29_000_000+r.key.with(8).below(1_000_000)
	return objectOf(func(o *object) {
		o.text("os", "Linux-4.18.0-x86_64-with-glibc2.28")
		o.text("python", "3.11.13")
		o.raw("args", r.args())
		o.text("program", person.home+"/open_instruct/finetune.py")
		o.raw("git", []byte(fmt.Sprintf(`{"remote":"https://git.example.invalid/%s/open-instruct.git","commit":"%040x"}`, person.user, uint64(r.key))))
		o.text("email", person.user+"@mail.example.invalid")
		o.text("root", person.home)
		o.text("host", person.host)
		o.text("username", person.user)
		o.raw("slurm", objectOf(func(o *object) {
			o.text("job_id", strconv.Itoa(job))
			o.text("job_user", person.user)
			o.text("job_nodelist", person.host)
			o.text("cpus_per_task", "5")
			o.text("submit_dir", person.home)
		}))
		o.whole("gpu_count", 2)
	})
}

func (p *plan) user(r *ftRun) []byte {
	return objectOf(func(o *object) {
		o.text("name", r.person().name)
		o.text("username", r.person().user)
	})
}

func (r *ftRun) systemMetrics() []byte {
	return objectOf(func(o *object) {
		for i := range 260 {
			o.number(fmt.Sprintf("system.gpu.%d.%s", i/10, []string{"gpu", "temp", "memory", "powerWatts", "smClock", "memoryClock", "powerPercent", "correctedMemoryErrors", "memoryAllocated", "fanSpeed"}[i%10]), round(50+20*r.key.with(9).id(i).normal(), decimals))
		}
	})
}
