# frozen_string_literal: true

module Milter
  module Manager
    module Conditions
      # Shows mails to a milter only when a recipient is one of certain accounts.
      module RestrictAccounts
        # Tells the child that somebody else is among the recipients.
        MACRO = "have-not-restricted-account"

        # The same for us, in the shelf: the next recipient's macros replace the
        # last one's, and the order of recipients must not matter.
        def self.remember(context)
          context[MACRO] = "true"
          context.mail_transaction_shelf["#{MACRO} #{context.name}"] = true
        end

        def self.remembered?(context)
          context[MACRO] == "true" ||
            context.mail_transaction_shelf["#{MACRO} #{context.name}"] == true
        end

        def restrict_accounts_by_list(*accounts, condition_name: nil, milters: nil)
          accounts.each { |account| check_account(account) }
          condition_name ||= "Restrict Accounts by List: #{accounts.inspect}"
          restrict_accounts_generic(condition_name: condition_name, milters: milters) do |_, recipient|
            address = recipient.delete_prefix("<").delete_suffix(">")
            accounts.any? { |account| account === address }
          end
        end

        def restrict_accounts_generic(condition_name: "Restrict Accounts", milters: nil, &restricted)
          raise ConfigurationError, "restrict_accounts_generic needs a block" unless restricted

          define_applicable_condition(condition_name) do |condition|
            condition.description = "Restrict milters to specified accounts"
            condition.define_envelope_recipient_stopper do |context, recipient|
              wanted = restricted.call(context, recipient)
              RestrictAccounts.remember(context) unless wanted
              !wanted
            end
            condition.define_data_stopper { |context| RestrictAccounts.remembered?(context) }
          end
          Array(milters || defined_milters).map(&:to_s).each do |name|
            next unknown_milter(name) unless defined_milters.include?(name)

            define_milter(name) { |milter| milter.add_applicable_condition(condition_name) }
          end
        end

        private

        # An account that cannot match would keep everybody's mail from the milters.
        def check_account(account)
          if account.is_a?(Array)
            raise InvalidValue, "restrict_accounts_by_list: an account should be a string or a regular expression but " \
                                "was #{account.inspect}; a list of accounts needs * before it, milters: a colon behind it"
          end
          Matcher.check("restrict_accounts_by_list: an account", account)
          Matcher.warn_of_stars("restrict_accounts_by_list: the account", account)
        end
      end
    end
  end
end
