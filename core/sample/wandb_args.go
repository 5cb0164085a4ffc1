package sample

import (
	"fmt"
	"strconv"
	"strings"

	"ddcore/core/jsontext"
)

// arguments are what a training script logs beside what ddcore reads: most of a
// real configuration. Each has a value of the type that its place gives it.
var arguments = strings.Fields(`
	add_bos use_fast use_lora use_qlora use_cache use_flash_attn use_slow_tokenizer use_8bit_optimizer rope alibi
	rope_theta rope_full_precision alibi_bias_max init_fn init_std init_device init_cutoff_factor emb_init_std emb_dropout d_model
	n_heads n_layers n_kv_heads mlp_ratio mlp_hidden_size vocab_size embedding_size max_sequence_length max_seq_length pad_token_id
	eos_token_id bos_token_id weight_tying weight_decay warmup_ratio norm_after block_type block_group_size include_bias bias_for_layer_norm
	attention_dropout attention_layer_norm attention_layer_norm_with_affine layer_norm_type layer_norm_eps layer_norm_with_affine residual_dropout activation_type scale_logits scale_emb_init
	clip_qkv clip_grad_norm precision torch_dtype architectures model_type multi_query_attention flash_attention logging_steps checkpointing_steps
	keep_last_n_checkpoints gradient_checkpointing gradient_accumulation_steps per_device_train_batch_size preprocessing_num_workers overwrite_cache overwrite_output_dir low_cpu_mem_usage lr_scheduler_type final_lr_ratio
	optimizer_kwargs fused_optimizer load_balancing_loss load_balancing_weight packing sync_each_batch timeout add_seed_and_date_to_exp_name dataset_transform_fn dataset_target_columns
	dataset_cache_mode dataset_config_hash dataset_config_name dataset_config_eval_hash dataset_skip_cache dataset_mix_dir dataset_mixer dataset_name train_file push_to_hub
	hf_repo_id hf_repo_revision hf_repo_url hf_metadata_dataset try_launch_evaluation_jobs oe_eval_tasks oe_eval_max_length report_to with_tracking tracking_tags
	chat_template_name tokenizer_revision tokenizer_files_hash trust_remote_code lora_rank lora_alpha lora_dropout top_k top_p temperature
	num_beams num_beam_groups num_return_sequences repetition_penalty length_penalty diversity_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size min_length max_length
	bad_words_ids begin_suppress_tokens suppress_tokens forced_bos_token_id forced_eos_token_id decoder_start_token_id remove_invalid_values exponential_decay_length_penalty output_attentions output_hidden_states
	output_scores is_decoder is_encoder_decoder chunk_size_feed_forward cross_attention_hidden_size tie_encoder_decoder tie_word_embeddings return_dict return_dict_in_generate problem_type`)

// logArguments adds them, again as the model's own configuration, and the
// tokenizer as Python prints it.
func (r *ftRun) logArguments(o *object) {
	r.eachArgument(o)
	o.raw("model_config", objectOf(r.eachArgument))
	o.text("tokenizer", r.tokenizer())
}

func (r *ftRun) eachArgument(o *object) {
	for i, name := range arguments {
		switch i % 5 {
		case 0:
			o.raw(name, []byte("null"))
		case 1:
			o.raw(name, strconv.AppendBool(nil, i%2 == 0))
		case 2:
			o.whole(name, int64(i*i))
		case 3:
			o.number(name, r.lr*float64(i))
		default:
			o.text(name, name+"_default")
		}
	}
}

const addedTokens = 80

func (r *ftRun) tokenizer() string {
	var s strings.Builder
	fmt.Fprintf(&s, "SampleTokenizer(name_or_path='%s/.cache/huggingface/hub/models--sample--%s', vocab_size=50280, added_tokens_decoder={\n", r.person().home, r.start.size.label)
	for i := range addedTokens {
		fmt.Fprintf(&s, "\t%d: AddedToken(\"%s\", rstrip=False, lstrip=False, single_word=False, normalized=True, special=False),\n", 50280-addedTokens+i, strings.Repeat(" ", addedTokens-i))
	}
	s.WriteString("}\n)")
	return s.String()
}

// args is the command line: every argument again, as a list.
func (r *ftRun) args() []byte {
	words := []string{"--run_name", r.id, "--output_dir", r.person().home + "/models", "--learning_rate", string(jsontext.AppendFloat(nil, r.lr))}
	for _, name := range arguments {
		words = append(words, "--"+name, name+"_default")
	}
	dst := []byte{'['}
	for i, w := range words {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendQuote(dst, w)
	}
	return append(dst, ']')
}

// historyKeys is W&B's own index of what the history holds.
func (r *ftRun) historyKeys() []byte {
	return objectOf(func(o *object) {
		o.raw("keys", objectOf(func(o *object) {
			for _, name := range []string{"_runtime", "_step", "_timestamp", "learning_rate", "total_tokens", "train_loss"} {
				o.raw(name, fmt.Appendf(nil, `{"typeCounts":[{"type":"number","count":%d}],"monotonic":false,"previousValue":%d}`, len(r.history), r.lastStep()))
			}
		}))
		o.whole("lastStep", r.lastStep())
		o.raw("sets", []byte("[]"))
	})
}
